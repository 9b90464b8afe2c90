"""What a notebook and its windows share: the state of one lens, and the work behind its verbs."""
