// Ranks the results of the search. The numbers are those of Sphinx, except that guides
// precede the pages of networks, and these precede the reference.
var Scorer = {
  score: ([page, title, anchor, description, score]) =>
    score + (/^(start|guide)\//.test(page) ? 4 : /^families\//.test(page) ? 2 : 0),
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};
