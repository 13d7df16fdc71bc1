/**
 * What a worker notes of each of its groups while stages are sampled, each as a position and when it was reached:
 *
 *   read       the commands of this node's callers up to this sequence are out of the inbox
 *   accepted   the instances up to this one have come, or have been proposed: before their commit
 *   sent       the same, when what is said of them is being published to the host
 *   committed  they are in the log of this node, on disk
 *   chosen     this node knows them chosen
 *   executed   they are executed, and the replies are being published to the host
 */
export const WORKER_STAGES = ['read', 'accepted', 'sent', 'committed', 'chosen', 'executed'] as const
export type WorkerStage = (typeof WORKER_STAGES)[number]
