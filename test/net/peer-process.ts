// One node of the process tests: `node peer-process.js <options as JSON>`. Tells its links on stdout, echoes frames.
import { createTransport } from '../../src/net/create-transport.js'
import type { LinkIdentity, PeerAddress } from '../../src/net/link-identity.js'
import type { ListenerChoice } from '../../src/net/transport.js'

interface ProcessOptions {
  self: LinkIdentity
  listen: PeerAddress
  peers: PeerAddress[]
  listener: ListenerChoice
  /** Stops by itself once it is linked: then the process must end without being told. */
  stopWhenLinked: boolean
}

const options = JSON.parse(process.argv[2] ?? '{}') as ProcessOptions
const say = (word: string) => process.stdout.write(`${word}\n`)

const transport = createTransport({
  ...options,
  clusterSecret: 'secret',
  linkBytes: 1024 * 1024,
  maxFrameBytes: 1024 * 1024,
  reconnectMinMs: 20,
  reconnectMaxMs: 200,
  handshakeMs: 2_000,
  keepAliveMs: 10_000,
  random: Math.random,
  logger: { info: () => {}, warn: () => {} },
  handlers: {
    onFrame(peer, frame) {
      transport.send(peer, frame.slice())
    },
    onLink(_peer, { sendable, receivable }) {
      if (!sendable || !receivable) return
      say('linked')
      if (options.stopWhenLinked) void transport.stop().then(() => say('stopped'))
    },
    onRefused: (reason) => say(reason),
    onDrain: () => {},
  },
})
await transport.start()
say('started')
