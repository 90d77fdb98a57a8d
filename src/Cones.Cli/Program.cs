Console.WriteLine("cones");
