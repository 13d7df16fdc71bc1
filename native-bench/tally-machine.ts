import { type Counted, countedMachine } from './counted-machine.js'

const FOLDED_BYTES = 16

/** Folds every command in its order: two nodes have the same sum only if they executed the same commands alike. */
export default countedMachine<Uint8Array>('bytes', (state: Counted, command) => {
  const until = Math.min(FOLDED_BYTES, command.length)
  let { sum } = state
  // The first bytes hold the caller and its count: what makes one command differ from another.
  for (let i = 0; i < until; i++) sum = (Math.imul(sum, 31) + command[i]!) | 0
  state.sum = sum
})
