"""Gates by measured values, as Argo Rollouts' AnalysisTemplates have them: conditions on results, limits, counts."""
