export type { CheckpointMade } from './host/checkpoint-calls.js'
export { ERROR_CODES, type ErrorCode } from './host/error-codes.js'
export type { GroupHandle, GroupView, HoldChange, ProposeOptions, ReadOptions } from './host/group-handle.js'
export type { AlarmEvent, CheckpointEvent, GroupStateEvent, NodeEventMap } from './host/node-events.js'
export type { NodeStatus, PeerView, WorkerView } from './host/node-status.js'
export type { Logger, PaxosOptions, SyncMode } from './host/option-schema.js'
export { type Outcome, PaxosError } from './host/paxos-error.js'
export { PaxosNode, type StopOptions } from './host/paxos-node.js'
export type { Answer, SettledAnswer } from './host/pending.js'
export type { PortView } from './host/ports.js'
export type { StageProbe, StageSample } from './host/stage-sampler.js'
export {
  type AnyStateMachine,
  defineStateMachine,
  type ExecuteContext,
  type ExternalHome,
  type ExternalMachine,
  type MachineCodec,
  type MachinePosition,
  type MemoryMachine,
  type OrderedKey,
  type RangeOptions,
  Reject,
  type StateReadView,
  type StateView,
  type StoredMachine,
} from './state-machine/index.js'
