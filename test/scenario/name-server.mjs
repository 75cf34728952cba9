// A name server for acceptance files: `node name-server.mjs ADDRESS:PORT FILE`. Each line of the file is a name, its
// addresses and its time to live in seconds: `lb.example 127.1.2.3,127.1.2.4 5`. Ends with the sandbox beside the file.
import { createSocket } from 'node:dgram'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

const [place = '', file = ''] = process.argv.slice(2)
const [, address, port] = /^(.*):(\d+)$/.exec(place) ?? []
const socket = createSocket('udp4')

function records() {
  try {
    const lines = readFileSync(file, 'utf8').split('\n')
    return new Map(lines.map((line) => line.trim().split(/\s+/)).map(([name, ...rest]) => [name, rest]))
  } catch {
    process.exit(0)
  }
}

/** The question's name and where it ends. */
function question(message) {
  const labels = []
  let at = 12
  while (message[at] !== 0) {
    labels.push(message.toString('latin1', at + 1, at + 1 + message[at]))
    at += message[at] + 1
  }
  return { name: labels.join('.').toLowerCase(), type: message.readUInt16BE(at + 1), end: at + 5 }
}

function record(ip, seconds) {
  const bytes = Buffer.alloc(16)
  bytes.writeUInt16BE(0xc0_0c, 0) // The name of the question.
  bytes.writeUInt16BE(1, 2)
  bytes.writeUInt16BE(1, 4)
  bytes.writeUInt32BE(seconds, 6)
  bytes.writeUInt16BE(4, 10)
  for (const [at, part] of ip.split('.').entries()) bytes.writeUInt8(Number(part), 12 + at)
  return bytes
}

socket.on('message', (message, from) => {
  const { name, type, end } = question(message)
  const found = records().get(name)
  const [ips = '', seconds = '5'] = found ?? []
  const answers = type === 1 && ips !== '' ? ips.split(',').map((ip) => record(ip, Number(seconds))) : []
  const head = Buffer.from(message.subarray(0, end))
  head.writeUInt16BE(0x81_80 | (found === undefined ? 3 : 0), 2)
  head.writeUInt16BE(1, 4)
  head.writeUInt16BE(answers.length, 6)
  head.writeUInt32BE(0, 8)
  socket.send(Buffer.concat([head, ...answers]), from.port, from.address)
})
socket.bind(Number(port), address)

const supervisor = join(dirname(file), 'sandboxes/default/supervisor.json')
setInterval(() => {
  if (!existsSync(supervisor)) process.exit(0)
}, 1000)
