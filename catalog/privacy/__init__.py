"""What is kept of a person: shown, handed out, forgotten by age, erased."""
