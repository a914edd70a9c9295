"""The digital twin: QingCloud, its platform, hosts and Kubernetes in virtual time."""
