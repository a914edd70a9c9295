"""The pure domain: facts, models, rules, planner and workflows, without clock, luck or I/O."""
