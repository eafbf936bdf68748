"""Changes before and after they are made, and the log of them."""
