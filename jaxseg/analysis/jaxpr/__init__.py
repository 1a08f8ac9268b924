"""Analysis of traced programs: dependence, cost, memory."""
