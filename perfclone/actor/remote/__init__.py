"""What comes from the Hugging Face Hub: fetched at one commit, checked before it is read, and its errors in words."""
