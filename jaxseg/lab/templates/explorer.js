// Computes what a stack of atrous layers reads, as jaxseg.analysis does.

// Returns for each offset of the field the number of paths that lead to it.
function pathCounts(rates, kernel) {
  let counts = [1];
  for (const rate of rates) {
    const wide = new Array(counts.length + (kernel - 1) * rate).fill(0);
    for (let tap = 0; tap < kernel; tap++)
      counts.forEach((count, i) => { wide[tap * rate + i] += count; });
    counts = wide;
  }
  return counts;
}

// Returns the magnitude of the response of averaging layers at a frequency.
function responseAt(rates, kernel, frequency) {
  let product = 1;
  for (const rate of rates) {
    let real = 0, imaginary = 0;
    for (let tap = 0; tap < kernel; tap++) {
      real += Math.cos(2 * Math.PI * rate * frequency * tap) / kernel;
      imaginary += Math.sin(2 * Math.PI * rate * frequency * tap) / kernel;
    }
    product *= Math.hypot(real, imaginary);
  }
  return product;
}

// Returns the share of kernel positions of one axis that fall on the map.
function validShare(rate, kernel, size) {
  let sum = 0;
  for (let tap = 0; tap < kernel; tap++) {
    const offset = tap * rate - Math.floor(rate * (kernel - 1) / 2);
    sum += Math.max(0, size - Math.abs(offset));
  }
  return sum / (kernel * size);
}

// Returns the quantity M_2 of hybrid dilated convolution.
function hdcM2(rates) {
  let m = rates[rates.length - 1];
  for (const rate of rates.slice(1, -1).reverse())
    m = Math.max(m - 2 * rate, m - 2 * (m - rate), rate);
  return m;
}

// Returns the numbers of one axis.
function axisOf(rates, kernel) {
  const counts = pathCounts(rates, kernel);
  let gap = 0, run = 0, touched = 0, largest = 0, sum = 0;
  for (const count of counts) {
    run = count ? 0 : run + 1;
    gap = Math.max(gap, run);
    touched += count > 0;
    largest = Math.max(largest, count);
    sum += count;
  }
  const squares = rates.reduce((total, rate) => total + rate * rate, 0);
  return {
    counts, touched, gap, field: counts.length,
    evenness: sum / counts.length / largest,
    sigma: Math.sqrt((kernel * kernel - 1) / 12 * squares),
    m2: hdcM2(rates),
  };
}

// Returns the numbers of layers that follow each other.
function stack(rows, columns, kernel, size) {
  const v = axisOf(rows, kernel), h = axisOf(columns, kernel);
  const valid = rates => rates.map(rate => validShare(rate, kernel, size));
  const vertical = valid(rows), horizontal = valid(columns);
  return {
    field: [v.field, h.field],
    coverage: v.touched / v.field * h.touched / h.field,
    evenness: v.evenness * h.evenness,
    sigma: [v.sigma, h.sigma], gap: [v.gap, h.gap], m2: [v.m2, h.m2],
    valid: vertical.map((share, i) => share * horizontal[i]),
    counts: v.counts.map(a => h.counts.map(b => a * b)),
    lines: [v.counts, h.counts],
    response: f => [responseAt(rows, kernel, f), responseAt(columns, kernel, f)],
  };
}

// Returns the numbers of layers that read the same map and whose outputs are added.
function parallel(rows, columns, kernel, size) {
  const vs = rows.map(rate => pathCounts([rate], kernel));
  const hs = columns.map(rate => pathCounts([rate], kernel));
  const height = Math.max(...vs.map(v => v.length));
  const width = Math.max(...hs.map(h => h.length));
  const counts = Array.from({length: height}, () => new Array(width).fill(0));
  const lines = [new Array(height).fill(0), new Array(width).fill(0)];
  vs.forEach((v, n) => {
    const h = hs[n];
    const top = Math.floor((height - v.length) / 2);
    const left = Math.floor((width - h.length) / 2);
    v.forEach((a, i) => h.forEach((b, j) => { counts[top + i][left + j] += a * b; }));
    v.forEach((a, i) => { lines[0][top + i] += a; });
    h.forEach((b, j) => { lines[1][left + j] += b; });
  });
  const all = counts.flat();
  const largest = all.reduce((a, b) => Math.max(a, b));
  return {
    field: [height, width],
    coverage: all.filter(count => count).length / all.length,
    evenness: all.reduce((a, b) => a + b) / all.length / largest,
    valid: rows.map((rate, i) =>
      validShare(rate, kernel, size) * validShare(columns[i], kernel, size)),
    counts, lines,
    response: f => [rows, columns].map(rates => Math.abs(rates.reduce((sum, rate) =>
      sum + centered(rate, kernel, f), 0)) / rates.length),
  };
}

// Returns the response of one averaging layer that is centered on its output.
function centered(rate, kernel, frequency) {
  let sum = 0;
  for (let tap = 0; tap < kernel; tap++)
    sum += Math.cos(2 * Math.PI * rate * frequency * (tap - (kernel - 1) / 2));
  return sum / kernel;
}
