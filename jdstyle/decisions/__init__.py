"""From members, the networks of several runs, to one product."""
