"""The closed list of what can happen in a trace: one row per kind, with the sentence `why` says of it.

A sentence may use `{subject}` and the names of the record's data. `brief` kinds are kept at level `summary` too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of trace record."""

    sentence: str
    brief: bool = False


KINDS: Mapping[str, Kind] = {
    # The run and what its timeline does
    "run.started": Kind("the run of {scenario} began with seed {seed}", brief=True),
    "run.ended": Kind("the run ended: {reason}", brief=True),
    "action.started": Kind("the timeline started {subject}: {what}", brief=True),
    "action.ended": Kind("{subject} ended as {status}: {sentence}", brief=True),
    "fault.injected": Kind("the scenario injected {fault} into {subject}", brief=True),
    "fault.lifted": Kind("the fault {fault} on {subject} was lifted", brief=True),
    "expectation.decided": Kind("expectation {subject} was decided: {verdict}", brief=True),
    # The operator
    "operator.planned": Kind("the operator planned the way of {subject}: {path}", brief=True),
    "operator.checked": Kind("the operator checked {subject} before {target}: {blockers} blockers", brief=True),
    "operator.killed": Kind("the operator's run was killed at journal position {position} ({phase})", brief=True),
    "operator.resumed": Kind("the operator's run was resumed from {records} journal records", brief=True),
    # The doors
    "cloud.called": Kind("{by} called {action} on {subject}"),
    "cloud.answered": Kind("the cloud answered {action} on {subject} with ret_code {ret_code}"),
    "cloud.lost": Kind("the answer to {action} on {subject} was lost: {why}"),
    "kube.called": Kind("{by} asked the API server of {subject} to {verb} {resource}"),
    "kube.answered": Kind("the API server of {subject} answered {verb} {resource}: {result}"),
    "host.called": Kind("{by} ran {command} on {subject}"),
    "host.answered": Kind("{subject} answered {command}: {result}"),
    # Cloud and platform
    "resource.created": Kind("{by} created {what} {subject} ({label})"),
    "resource.changed": Kind("{what} {subject} changed: {fields}"),
    "resources.stand": Kind("{subject} occupies {count} resources from here on", brief=True),
    "resource.stands": Kind("{subject} of {owner} is charged as {resource} from here on", brief=True),
    "resource.gone": Kind("{subject} of {owner} is charged no more", brief=True),
    "recycle.emptied": Kind("{what} {subject} ({label}) was in the recycle bin for two hours"),
    "cluster.changed": Kind("cluster {subject}: {field} went from {before} to {after}", brief=True),
    "job.created": Kind("the platform accepted {action} for {cluster} as job {subject}", brief=True),
    "job.started": Kind("job {subject} began to work", brief=True),
    "job.stuck": Kind("job {subject} does not come to an end", brief=True),
    "job.ended": Kind("job {subject} ended as {status} with code {code}", brief=True),
    "precheck.passed": Kind("{subject} passed the platform's checks before the upgrade"),
    "precheck.failed": Kind("{subject} failed the platform's check {check} with code {code}", brief=True),
    "volume.attached": Kind("the upgrade volume was attached to {subject}"),
    "volume.detached": Kind("the upgrade volume was detached from {subject}"),
    "service.started": Kind("the platform ran {service} on {subject} (order {order}, at most {timeout_s} s)"),
    "service.ended": Kind("{service} on {subject} ended with code {code}", brief=True),
    "service.cut": Kind("the platform gave up on {service} on {subject} after {timeout_s} s", brief=True),
    "metadata.changed": Kind("the platform told the nodes of {subject}: {what}"),
    "metadata.seen": Kind("all nodes of {subject} have seen it"),
    "parameters.changed": Kind("the parameters of {subject} changed: {keys}", brief=True),
    "node.made": Kind("the platform has a machine for {subject}", brief=True),
    "node.unmade": Kind("the platform gave up the machine of {subject}: {why}", brief=True),
    "node.resized": Kind("{subject} has {cpu} vCPU, {memory_mib} MiB and a disk of {volume_gib} GiB", brief=True),
    "bin.emptied": Kind("{subject} has been in the recycle bin for its time: the platform ceases it", brief=True),
    "resource.left": Kind("{what} {subject} of {cluster} is left behind: its owner must remove it", brief=True),
    "backend.in": Kind("the load balancer of {cluster} uses {subject} again"),
    "backend.out": Kind("the load balancer of {cluster} took {subject} out of rotation"),
    "listener.fixed": Kind("the listener of {subject} got scene {scene}"),
    # Health check, monitoring, alarms, autoscaling
    "health.unhealthy": Kind("the platform finds {subject} unhealthy: {why}", brief=True),
    "health.healthy": Kind("the platform finds {subject} healthy again", brief=True),
    "revive.started": Kind("the platform revives {subject} (at most {timeout_s} s)", brief=True),
    "revive.ended": Kind("the revival of {subject} ended with code {code}", brief=True),
    "revive.cut": Kind("the platform gave up on the revival of {subject} after {timeout_s} s", brief=True),
    "autoscaling.fired": Kind("policy {subject} fired: {role} goes from {before} to {after} nodes", brief=True),
    "autoscaling.refused": Kind("policy {subject} fired for {role} and was refused: {why}", brief=True),
    "autoscaling.ended": Kind("the run of policy {subject} ended as {result}: {why}", brief=True),
    "alarm.changed": Kind("alarm {subject} of {resource} went from {before} to {after}", brief=True),
    "notification.posted": Kind("{subject} was told through {list}: {message}", brief=True),
    # Hosts
    "step.started": Kind("{subject} began {step}"),
    "step.ended": Kind("{subject} finished {step} with code {code}"),
    "wait.began": Kind("{subject} began to wait for {what} (at most {attempts} looks, {interval_s} s apart)"),
    "wait.ended": Kind("{subject} stopped waiting for {what} after {looks} looks, code {code}; missing: {lacking}"),
    "phase.started": Kind("{subject} entered phase {phase} of the way to {target}", brief=True),
    "phase.ended": Kind("{subject} left phase {phase} of the way to {target}: {outcome}", brief=True),
    "host.crashed": Kind("{subject} crashed", brief=True),
    "host.booted": Kind("{subject} runs again", brief=True),
    "host.stopped": Kind("{subject} was switched off", brief=True),
    "disk.changed": Kind("{subject} has {free_mb} MB free on /data after {what}"),
    "service.stopped": Kind("{service} on {subject} stopped"),
    "service.running": Kind("{service} on {subject} runs"),
    # Kubernetes
    "etcd.left": Kind("the etcd member on {subject} is gone; {up} of {members} are up"),
    "etcd.joined": Kind("the etcd member on {subject} is back; {up} of {members} are up"),
    "apiserver.down": Kind("the API server on {subject} does not answer: {why}"),
    "apiserver.up": Kind("the API server on {subject} answers"),
    "api.unavailable": Kind("users of {subject} find no API server through {through}", brief=True),
    "api.available": Kind("users of {subject} find an API server through {through} again", brief=True),
    "kubelet.stopped": Kind("kubelet on {subject} stopped"),
    "kubelet.started": Kind("kubelet {version} on {subject} runs"),
    "node.version": Kind("node {subject} reports kubelet {version}", brief=True),
    "node.ready": Kind("node {subject} is Ready", brief=True),
    "node.not-ready": Kind("node {subject} is no longer Ready: {why}", brief=True),
    "pod.created": Kind("{by} created pod {subject}"),
    "pod.bound": Kind("the scheduler put pod {subject} on {node}"),
    "pod.pending": Kind("pod {subject} cannot be scheduled: {why}"),
    "pod.ready": Kind("pod {subject} on {node} is ready"),
    "pod.lost": Kind("pod {subject} on {node} no longer serves: {why}"),
    "pod.deleted": Kind("pod {subject} was deleted: {why}"),
    "workload.unavailable": Kind("{subject} has no pod that serves", brief=True),
    "workload.available": Kind("{subject} serves again", brief=True),
    # Kubernetes: nodes, drains, objects, volumes, load balancers
    "master.joined": Kind("{subject} became a master; there are {members}", brief=True),
    "master.left": Kind("{subject} is a master no more; there are {members}", brief=True),
    "node.added": Kind("node {subject} registered as {name}", brief=True),
    "node.removed": Kind("node {subject} ({name}) was deleted from Kubernetes", brief=True),
    "node.cordoned": Kind("node {subject} takes no new pods", brief=True),
    "node.uncordoned": Kind("node {subject} takes pods again", brief=True),
    "node.relabelled": Kind("node {subject} got labels {labels} and taints {taints}"),
    "drain.started": Kind("{by} began to drain {nodes} of {subject}", brief=True),
    "drain.ended": Kind("the drain of {nodes} of {subject} ended: {result}", brief=True),
    "eviction.refused": Kind("{by} may not evict pod {subject}: {why}", brief=True),
    "pod.terminating": Kind("{by} deleted pod {subject}, which ends now: {why}"),
    "object.applied": Kind("{what} {subject} was applied"),
    "object.changed": Kind("{what} {subject} was changed: {change}", brief=True),
    "object.deleted": Kind("{what} {subject} was deleted"),
    "kube.warned": Kind("Kubernetes warned about {subject}: {reason}: {message}", brief=True),
    "claim.bound": Kind("claim {subject} is bound to {volume}"),
    "claim.deleted": Kind("claim {subject} is gone"),
    "volume.mounted": Kind("the volume of claim {subject} is attached to {node}"),
    "volume.unmounted": Kind("the volume of claim {subject} is no longer attached to {node}"),
    "service.exposed": Kind("service {subject} is reached through load balancer {balancer}", brief=True),
    "service.withdrawn": Kind("the load balancer of service {subject} is gone", brief=True),
    "csi.replaced": Kind("the CSI driver of {subject} was replaced by {version}", brief=True),
    "csi.skipped": Kind("the CSI driver of {subject} was left as it was: {why}", brief=True),
    "tiller.running": Kind("tiller runs on {subject}"),
    "installer.launched": Kind("the KubeSphere installer of {subject} was launched for {version}", brief=True),
    "installer.running": Kind("the KubeSphere installer of {subject} runs, attempt {attempt}"),
    "installer.failed": Kind("the KubeSphere installer of {subject} failed in attempt {attempt}", brief=True),
    "installer.restarted": Kind("{by} restarted the KubeSphere installer of {subject}", brief=True),
    "installer.finished": Kind("the KubeSphere installer of {subject} finished: {outcome}", brief=True),
}
"""Every kind a record may have."""
