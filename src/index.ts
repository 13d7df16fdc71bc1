export { ERROR_CODES, type ErrorCode } from './host/error-codes.js'
export type { GroupHandle, GroupView, ProposeOptions, ReadOptions } from './host/group-handle.js'
export type { AlarmEvent, GroupStateEvent, NodeEventMap } from './host/node-events.js'
export type { NodeStatus, PeerView, WorkerView } from './host/node-status.js'
export type { Logger, PaxosOptions } from './host/option-schema.js'
export { type Outcome, PaxosError } from './host/paxos-error.js'
export { PaxosNode, type StopOptions } from './host/paxos-node.js'
export type { Answer, SettledAnswer } from './host/pending.js'
export {
  defineStateMachine,
  type ExecuteContext,
  type MachineCodec,
  Reject,
  type StateMachine,
} from './state-machine/index.js'
