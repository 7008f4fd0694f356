"""The page: rollouts as people look at them, in a browser. Rendered here; scripts only make it livelier."""
