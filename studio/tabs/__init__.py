"""The tabs of the page, a file each: ``build(studio, page)`` puts it where it is called."""
