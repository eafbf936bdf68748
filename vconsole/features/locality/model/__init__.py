"""Where memory lies by cell and kind of page, and the change that moves it."""
