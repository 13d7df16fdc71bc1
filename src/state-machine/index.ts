/** What users of the package see of this folder. */
export { type AnyStateMachine, defineStateMachine } from './contract.js'
export type { ExternalHome, ExternalMachine, MachinePosition } from './external.js'
export type { ExecuteContext, MachineCodec } from './machine-common.js'
export type { MemoryMachine } from './memory.js'
export { Reject } from './reject.js'
export type { OrderedKey, RangeOptions, StateReadView, StateView, StoredMachine } from './stored.js'
