"""Encoders that need PyTorch (pip install 'wordvec[deep]'); nothing here is imported unasked."""
