import { createServer as createHttp1Server } from 'node:http'
import { createServer as createHttp2Server, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo, Server } from 'node:net'
import { afterEach, describe, expect, test } from '@jest/globals'
import { openGrpc } from '../../native-bench/http/grpc-wire.js'
import { openHttp1 } from '../../native-bench/http/http1-wire.js'
import { ResponseParser } from '../../native-bench/http/response-parser.js'
import type { Wire, WireHandlers } from '../../native-bench/http/wire.js'

const listening: { close(): unknown }[] = []
afterEach(() => {
  for (const one of listening.splice(0)) one.close()
})

async function portOf(server: Server): Promise<number> {
  listening.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

type Answer = [slot: number, status: number, body: string]

/** Sends each request on the slot of its place and gives all answers; a lost connection rejects. */
function exchange(open: (handlers: WireHandlers) => Promise<Wire>, requests: readonly Uint8Array[]): Promise<Answer[]> {
  return new Promise((resolve, reject) => {
    const answers: Answer[] = []
    const handlers: WireHandlers = {
      onAnswer(slot, status, body) {
        answers.push([slot, status, Buffer.from(body).toString()])
        if (answers.length === requests.length) resolve(answers)
      },
      onLost: (why) => reject(new Error(why)),
    }
    open(handlers).then((wire) => {
      listening.push(wire)
      for (const [slot, request] of requests.entries()) wire.send(slot, request)
    }, reject)
  })
}

describe('responses of HTTP/1.1', () => {
  const bytes = Buffer.from(
    'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Length: 9\r\n\r\nhello' +
      'HTTP/1.1 204 No Content\r\n\r\n' +
      'HTTP/1.1 503 Not Now\r\ncontent-type: a\r\ncontent-length:0\r\n\r\n',
  )

  test('are found wherever the chunks are cut', () => {
    for (let cut = 0; cut <= bytes.length; cut++) {
      const seen: [number, string][] = []
      const parser = new ResponseParser((status, body) => seen.push([status, Buffer.from(body).toString()]))
      // The buffer of the chunks is used again, as that of a socket is.
      const chunk = Buffer.from(bytes.subarray(0, cut))
      parser.feed(chunk)
      chunk.fill(0)
      parser.feed(Buffer.from(bytes.subarray(cut)))
      expect(seen).toEqual([
        [200, 'hello'],
        [204, ''],
        [503, ''],
      ])
    }
  })

  test.each([
    ['HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n', 'without a content-length'],
    ['SMTP ready, and a lot more\r\n\r\n', 'not the status line'],
  ])('what cannot be read is said: %s', (text, message) => {
    expect(() => new ResponseParser(() => undefined).feed(Buffer.from(text))).toThrow(message)
  })
})

test('a connection of HTTP/1.1 speaks with a server of Node', async () => {
  const server = createHttp1Server((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString()))
    request.on('end', () => response.writeHead(201, { 'content-length': body.length + 4 }).end(`got ${body}`))
  })
  const port = await portOf(server)
  const request = Buffer.from('PUT /a HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\nabc')
  expect(await exchange((handlers) => openHttp1(port, handlers), [request])).toEqual([[0, 201, 'got abc']])
})

describe('a connection of gRPC', () => {
  /** A server that echoes each message; one that says `no` gets an error, which has trailers only. */
  function echo(stream: ServerHttp2Stream, path: string): void {
    const chunks: Buffer[] = []
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    stream.on('end', () => {
      const message = Buffer.concat(chunks).subarray(5).toString()
      if (message === 'no' || path !== '/a.B/C') {
        stream.respond({ ':status': 200, 'grpc-status': '13' }, { endStream: true })
        return
      }
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
      stream.end(Buffer.concat(chunks))
    })
  }

  test('keeps many calls apart, and tells an answer from a failure', async () => {
    const server = createHttp2Server()
    server.on('stream', (stream, headers) => echo(stream, String(headers[':path'])))
    const port = await portOf(server)
    const texts = Array.from({ length: 200 }, (_, i) => (i % 7 === 3 ? 'no' : `message ${i}`))
    const target = { port, path: '/a.B/C' }
    const answers = await exchange(
      (handlers) => openGrpc(target, handlers),
      texts.map((text) => Buffer.from(text)),
    )
    expect(answers.sort(([a], [b]) => a - b)).toEqual(
      texts.map((text, i) => (text === 'no' ? [i, 2, ''] : [i, 0, text])),
    )
  })

  test('waits for the window of the server', async () => {
    const server = createHttp2Server()
    server.on('stream', (stream, headers) => echo(stream, String(headers[':path'])))
    const port = await portOf(server)
    // Four times of what may be sent before the server gives leave.
    const messages = Array.from({ length: 32 }, (_, i) => Buffer.alloc(8_192, 65 + (i % 26)))
    const answers = await exchange((handlers) => openGrpc({ port, path: '/a.B/C' }, handlers), messages)
    expect(answers.map(([slot, status, body]) => [slot, status, body === messages[slot]!.toString()])).toEqual(
      expect.arrayContaining(messages.map((_, slot) => [slot, 0, true])),
    )
  })
})

test('a server that goes away is told', async () => {
  const server = createHttp1Server((request) => request.socket.destroy())
  const port = await portOf(server)
  const request = Buffer.from('GET /a HTTP/1.1\r\nhost: x\r\n\r\n')
  await expect(exchange((handlers) => openHttp1(port, handlers), [request])).rejects.toThrow()
})
