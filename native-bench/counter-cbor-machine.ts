import { type Counted, countedMachine } from './counted-machine.js'
import type { CborCommand } from './load/commands.js'

/** The counter with commands that are objects, decoded from cbor. */
export default countedMachine<CborCommand>('cbor', (state: Counted, command) => {
  state.sum = (state.sum + command.n) | 0
})
