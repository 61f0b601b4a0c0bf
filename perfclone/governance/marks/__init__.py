"""What a clone carries so that it can be told from footage: a label to see, a watermark, tags."""
