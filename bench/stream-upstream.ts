import { createServer, type AddressInfo, type Socket } from 'node:net';
import { streamFrames } from './payload.ts';

/*
 * A provider that streams, on bare sockets so that it costs little beside what it is to load. The model's name in the request says
 * how: `bench-burst` writes the whole stream at once, `bench-steps` one event a turn of the event loop, `bench-open` one event
 * a second without end. Writes the port it listens on.
 */

const OPEN_EVERY_MS = 1_000;

const head = 'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ncache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n';
const frames = streamFrames().map((frame) => `${frame.length.toString(16)}\r\n${frame}\r\n`);
const firstFrame = frames[0] ?? '';
const burst = `${head + frames.join('')}0\r\n\r\n`;

const server = createServer({ noDelay: true }, (socket) => {
  let text = '';
  socket.setEncoding('latin1');
  socket.on('data', (chunk: string) => {
    text += chunk;
    const bodyAt = text.indexOf('\r\n\r\n') + 4;
    if (bodyAt === 3) return;
    const length = Number(/\r\ncontent-length: *(\d+)/i.exec(text.slice(0, bodyAt))?.[1] ?? 0);
    if (text.length < bodyAt + length) return;
    const kind = /"model":"bench-(\w+)"/.exec(text)?.[1];
    text = text.slice(bodyAt + length);
    if (kind === 'open') open(socket);
    else if (kind === 'steps') step(socket, head + firstFrame, 1);
    else socket.write(burst, 'latin1');
  });
  socket.on('error', () => socket.destroy());
});

function step(socket: Socket, text: string, next: number): void {
  socket.write(text, 'latin1');
  const frame = frames[next];
  if (frame === undefined) socket.write('0\r\n\r\n', 'latin1');
  else setImmediate(() => step(socket, frame, next + 1));
}

function open(socket: Socket): void {
  socket.write(head + firstFrame, 'latin1');
  const timer = setInterval(() => socket.write(firstFrame, 'latin1'), OPEN_EVERY_MS);
  socket.once('close', () => clearInterval(timer));
}

server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`);
});
