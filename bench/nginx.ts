import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, pidOf } from './child.ts';
import { callerKey, chatAnswer, chatPath, providerKey } from './payload.ts';

/** An nginx with one worker, on a port and a folder of its own. */
export interface Nginx {
  readonly url: string;
  readonly pid: number;
  close(): Promise<void>;
}

/** Answers every chat request with the same kilobyte of JSON. */
export async function startNginxUpstream(): Promise<Nginx> {
  return startNginx((port) => `
    server {
      listen 127.0.0.1:${port} backlog=4096;
      location = ${chatPath} {
        default_type application/json;
        return 200 '${chatAnswer()}';
      }
    }`);
}

/** A reverse proxy that does what nginx can of a gateway's work: looks at the caller's key and puts the provider's in its place. */
export async function startNginxProxy(upstream: string): Promise<Nginx> {
  return startNginx((port) => `
    map $http_authorization $provider_key {
      default '';
      'Bearer ${callerKey}' 'Bearer ${providerKey}';
    }
    upstream provider {
      server ${new URL(upstream).host};
      keepalive 2048;
      keepalive_requests 1000000000;
    }
    server {
      listen 127.0.0.1:${port} backlog=4096;
      location / {
        if ($provider_key = '') { return 401; }
        proxy_pass http://provider;
        proxy_http_version 1.1;
        proxy_buffering off;
        proxy_read_timeout 600s;
        proxy_set_header Connection '';
        proxy_set_header Authorization $provider_key;
        proxy_set_header Accept-Encoding identity;
      }
    }`);
}

async function startNginx(servers: (port: number) => string): Promise<Nginx> {
  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), 'keyhold-bench-nginx-'));
  await writeFile(join(folder, 'nginx.conf'), configuration(folder, servers(port)));
  const child = spawn('nginx', ['-p', folder, '-c', join(folder, 'nginx.conf'), '-e', join(folder, 'error.log')], { stdio: ['ignore', 'inherit', 'inherit'] });
  const url = `http://127.0.0.1:${port}`;
  await answering(child, url);
  return {
    url,
    pid: pidOf(child),
    close: async () => {
      if (child.exitCode === null) {
        const exited = once(child, 'exit');
        child.kill('SIGTERM');
        await exited;
      }
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function configuration(folder: string, servers: string): string {
  return `
  daemon off;
  worker_processes 1;
  worker_rlimit_nofile 16384;
  pid ${folder}/nginx.pid;
  error_log ${folder}/error.log error;
  events { worker_connections 8192; }
  http {
    access_log off;
    map_hash_bucket_size 256;
    tcp_nodelay on;
    keepalive_requests 1000000000;
    keepalive_timeout 600s;
    client_body_buffer_size 16k;
    client_body_temp_path ${folder}/body;
    proxy_temp_path ${folder}/proxy;
    fastcgi_temp_path ${folder}/fastcgi;
    uwsgi_temp_path ${folder}/uwsgi;
    scgi_temp_path ${folder}/scgi;
    ${servers}
  }\n`;
}

async function answering(child: ChildProcess, url: string): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (child.exitCode === null && Date.now() < deadline) {
    const answer = await fetch(url).catch(() => undefined);
    await answer?.body?.cancel();
    if (answer !== undefined) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  child.kill('SIGKILL');
  throw new Error('nginx did not start. What it wrote above says why.');
}
