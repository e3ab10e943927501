import { allServices } from '../../catalog/all-services.ts';
import { loadConfig, type LoadedConfig } from '../config/config.ts';
import { readEnvironment } from '../config/environment.ts';

/** The configuration of this process: the environment, `./.env` and the catalogue's names. Throws `StartError` (2). */
export function loadProcessConfig(): LoadedConfig {
  return loadConfig(readEnvironment(), allServices);
}
