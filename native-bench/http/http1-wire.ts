import { once } from 'node:events'
import { connect } from 'node:net'
import { ResponseParser } from './response-parser.js'
import { readBuffer, type Wire, type WireHandlers } from './wire.js'

/** A keep-alive connection of HTTP/1.1 with one caller: one request at a time. Rejects when nobody listens. */
export async function openHttp1(port: number, handlers: WireHandlers): Promise<Wire> {
  const parser = new ResponseParser((status, body, head) => handlers.onAnswer(0, status, body, head))
  let closed = false
  const lose = (why: string): void => {
    if (closed) return
    closed = true
    socket.destroy()
    handlers.onLost(why)
  }
  const callback = (length: number): boolean => {
    try {
      if (!closed) parser.feed(readBuffer.subarray(0, length))
    } catch (error) {
      lose((error as Error).message)
    }
    return true
  }
  const socket = connect({ port, host: '127.0.0.1', noDelay: true, onread: { buffer: readBuffer, callback } })
  await once(socket, 'connect')
  socket.on('error', (error) => lose(error.message))
  socket.on('close', () => lose('the server closed the connection'))
  return {
    send: (_, request) => void socket.write(request),
    close() {
      closed = true
      socket.destroy()
    },
  }
}
