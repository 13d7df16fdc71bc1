/** What users of the package see of this folder. */
export { defineStateMachine, type ExecuteContext, type MachineCodec, type StateMachine } from './contract.js'
export { Reject } from './reject.js'
