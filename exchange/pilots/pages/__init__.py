"""Pages of the pilot: public, the firm's, the scorer's, the operator's, and those of a running pilot."""
