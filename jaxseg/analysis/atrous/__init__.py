"""The science of atrous convolution: fields, gridding, plans."""
