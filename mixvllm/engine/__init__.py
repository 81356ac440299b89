"""The engine as processes: started, drained, watched and ended, with nothing left behind."""
