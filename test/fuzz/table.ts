import { codecDecoders } from './decoders-codec.js'
import { inlineDecoders } from './decoders-inline.js'
import { netDecoders } from './decoders-net.js'
import { ringDecoders } from './decoders-ring.js'
import { stateDecoders } from './decoders-state.js'
import { storeDecoders } from './decoders-store.js'

/** Everything that turns bytes into something, of which the bytes may come from a socket, a disk or a ring. */
export const DECODERS = [
  ...codecDecoders,
  ...ringDecoders,
  ...netDecoders,
  ...storeDecoders,
  ...inlineDecoders,
  ...stateDecoders,
]
