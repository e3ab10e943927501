import { writeFileSync } from 'node:fs';
import { allServices } from '../catalog/all-services.ts';
import { envExample } from '../src/config/env-example.ts';

// `.env.example` is what the table of settings says; a test compares the two.
writeFileSync(new URL('../.env.example', import.meta.url), envExample(allServices));
