"""The command line of wordvec, installed as the package wordvec_cli."""
