import { type Counted, countedMachine } from './counted-machine.js'

/** Adds a number of each command to a sum. Commands are bytes: the lightest machine there is. */
export default countedMachine<Uint8Array>('bytes', (state: Counted, command) => {
  state.sum = (state.sum + (command[4]! | (command[5]! << 8) | (command[6]! << 16) | (command[7]! << 24))) | 0
})
