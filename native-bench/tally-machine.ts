import { defineStateMachine } from '../src/index.js'

interface State {
  executed: number
  /** Folds every command in its order: two nodes have the same sum only if they executed the same commands alike. */
  sum: number
}

const reply = new Uint8Array(8)
const replyView = new DataView(reply.buffer)

function answer({ executed, sum }: State): Uint8Array {
  replyView.setUint32(0, executed, true)
  replyView.setInt32(4, sum, true)
  return reply
}

/** The load's state machine: as little work per command as can still be compared between nodes. */
export default defineStateMachine<State, Uint8Array, Uint8Array, Uint8Array, Uint8Array>({
  id: 1,
  codec: 'bytes',
  create: () => ({ executed: 0, sum: 0 }),
  execute(state, command) {
    state.executed++
    // The first bytes hold the caller and its count: what makes one command differ from another.
    const until = Math.min(16, command.length)
    let { sum } = state
    for (let i = 0; i < until; i++) sum = (Math.imul(sum, 31) + command[i]!) | 0
    state.sum = sum
    return answer(state)
  },
  query: (state) => answer(state),
  snapshot: (state) => state,
  restore: (saved) => saved as State,
})
