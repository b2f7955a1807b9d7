"""Signatures of bundles: who vouches for one.

A signature is a file beside the bundle, `BUNDLE.sig`, in the format of the OpenSSF's model-signing
library (a Sigstore bundle around an in-toto statement), which names every file of the bundle with
its SHA-256, the card included. It lies outside, so that a bundle still holds exactly the files
that its card names, and signing changes none of them.

What is compared with the signature are the SHA-256s that the opened bundle holds, and every byte
that is used later is compared with these again (`Bundle.read`): nothing is read a second time, and
so nothing can be exchanged between the check and the use.
"""
