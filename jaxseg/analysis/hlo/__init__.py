"""Analysis of compiled programs: collectives, memory traffic and roofline."""
