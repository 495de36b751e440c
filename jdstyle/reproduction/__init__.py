"""The tables of the challenge's report, made anew."""
