"""vconsole without the screen: show, pin, plan."""
