import java.nio.file.*;
import java.util.*;
import org.elasticsearch.common.logging.LogConfigurator;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.env.Environment;
import org.elasticsearch.node.InternalSettingsPreparer;
import org.elasticsearch.plugins.PluginsLoader;

/** Elasticsearch's own server with its own HTTP layer. Arguments: its home folder, then settings as NAME=VALUE. */
public class Node {
  public static void main(String[] arguments) throws Exception {
    Settings.Builder settings = Settings.builder().put("path.home", Path.of(arguments[0]).toString());
    for (int n = 1; n < arguments.length; n++) {
      String[] parts = arguments[n].split("=", 2);
      settings.put(parts[0], parts[1]);
    }
    Settings all = settings.build();
    LogConfigurator.configureWithoutConfig(all);
    LogConfigurator.setNodeName(all.get("node.name"));
    Environment environment = InternalSettingsPreparer.prepareEnvironment(all, Map.of(), null, () -> "unnamed");
    PluginsLoader plugins = PluginsLoader.createPluginsLoader(
        PluginsLoader.loadModulesBundles(environment.modulesDir()), Set.of(), Map.of(), false);
    org.elasticsearch.node.Node node = new org.elasticsearch.node.Node(environment, plugins);
    node.start();
    Runtime.getRuntime().addShutdownHook(new Thread(() -> {
      try {
        node.close();
      } catch (Exception error) {
        error.printStackTrace();
      }
    }));
    Thread.currentThread().join();
  }
}
