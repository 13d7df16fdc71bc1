import { defineStateMachine } from '../src/index.js'

export interface Counted {
  executed: number
  sum: number
}

const reply = new Uint8Array(8)
const replyView = new DataView(reply.buffer)

function answer({ executed, sum }: Counted): Uint8Array {
  replyView.setUint32(0, executed, true)
  replyView.setInt32(4, sum, true)
  return reply
}

/**
 * A machine of the load: it counts commands, and `add` makes of them what two nodes are compared by. Every answer, that
 * to a read too, is both numbers.
 */
export function countedMachine<Command>(codec: 'bytes' | 'cbor', add: (state: Counted, command: Command) => void) {
  return defineStateMachine<Counted, Command, Uint8Array, unknown, Uint8Array>({
    id: 1,
    codec,
    create: () => ({ executed: 0, sum: 0 }),
    execute(state, command) {
      state.executed++
      add(state, command)
      return answer(state)
    },
    query: answer,
    snapshot: (state) => state,
    restore: (saved) => saved as Counted,
  })
}
