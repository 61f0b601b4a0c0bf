"""The one exception that is written for the person at the keyboard."""


class UserError(ValueError):
    """Bad input, in one sentence that says what is wrong and what to do next.

    The command line prints the message without a traceback; the page shows it as it stands.
    """
