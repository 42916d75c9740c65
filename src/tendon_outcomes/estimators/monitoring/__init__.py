"""Looking again and again: limits that hold at every look, charts with their false-alarm rates, small groups, many claims."""
