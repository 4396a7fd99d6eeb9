"""Days in a time zone: the words of `--date`, ranges of days, and the instants at which days begin and end."""
