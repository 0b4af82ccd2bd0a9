"""Where patches come from: drawn tissue, downloaded sets, folders, archives, arrays on disk."""
