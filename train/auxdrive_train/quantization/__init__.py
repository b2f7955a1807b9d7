"""int8 as training and export know it: which maps are rounded, by which ranges, on which frames,
and the student's forward pass with all of that (fake quantisation).

`placing`, `ranges`, `weights` and `calibration` are the rules, which `auxdrive_deploy.precisions`
writes graphs by; `tape` and `fake` apply them to a network of torch.
"""
