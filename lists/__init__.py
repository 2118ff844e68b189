"""The lists that ship with blockctl (`builtin:NAME` in a policy) and the catalogue of the lists people use."""
