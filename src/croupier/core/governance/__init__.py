"""Who may release what, and when: the rules of an organisation around its rollouts. Pure."""
