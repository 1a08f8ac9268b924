"""Analysis of compiled programs: collectives, traffic, roofline."""
